"""What a finished task is worth: its links and the files behind them."""
