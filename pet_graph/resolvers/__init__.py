"""What clients may ask: the roots of the graph, one file a domain."""
