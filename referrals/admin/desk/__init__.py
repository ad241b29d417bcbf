"""The desk of who qualifies companies: queue, review page, board, reports."""
