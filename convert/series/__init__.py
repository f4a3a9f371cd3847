"""Steps, commits, cover letter, mail files: from a plan to what a maintainer gets."""
