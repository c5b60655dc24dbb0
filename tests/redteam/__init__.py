"""The project's own red team: cheats by class, the honest neighbours of each, and 200 honest proofs."""
