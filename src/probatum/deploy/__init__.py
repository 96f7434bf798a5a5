"""What a deployment starts: services read from files of many forms, and the rules they break."""
