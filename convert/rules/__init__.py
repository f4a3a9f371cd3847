"""One module a conversion: recognise a site, then give its edits or a reason to leave it."""
