//! Holds the secrets, shares them with the plugin, runs and filters the child.
