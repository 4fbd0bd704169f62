"""The transaction coordinator's state machine: transactional ids, their producers, and what becomes of their transactions."""
