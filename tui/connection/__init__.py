"""What the console asks of daemons, and what comes from them. No widgets."""
