"""The books for accountants: trial balance, statements of accounts, the journal, closed months."""
