"""Types, keys, spaces, errors and protocols that all other packages use; needs only numpy."""
