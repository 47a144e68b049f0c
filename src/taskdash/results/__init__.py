"""Opens, saves and shows the results of finished tasks: their links and the files behind them."""
