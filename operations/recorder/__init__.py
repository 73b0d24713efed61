"""The process that keeps the ledger true: it follows the engine, and writes down what it sees."""
