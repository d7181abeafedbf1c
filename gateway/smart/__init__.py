"""SMART Backend Services: access tokens for the clients of data users. A token narrows what may be asked, and opens nothing by itself."""
