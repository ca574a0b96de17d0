"""The running of the service: the parent process, its worker, its connections and its log."""
