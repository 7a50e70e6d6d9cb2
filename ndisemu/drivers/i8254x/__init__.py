"""The two halves of an 82540EM driver, its descriptor rings and its OIDs, shared by the reference miniports."""
