"""What the console asks of daemons and receives from them. No widgets."""
