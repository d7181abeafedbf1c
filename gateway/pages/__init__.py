"""What the web pages of Noaber share, whoever they are for: headers, sessions, forms, words."""
