"""The `rampose` command: arguments, printing and exit statuses; what it does lies in the floors below."""
