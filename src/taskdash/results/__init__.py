"""Opens, saves and shows what a finished task is worth: its links and the files behind them."""
