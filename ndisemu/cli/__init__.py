"""The command: one verb, one file, no logic. Verbs are imported when they are called, so that help costs nothing."""
