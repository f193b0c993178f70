"""What persons see of resources, and what they ask of them: for the command line and the page."""
