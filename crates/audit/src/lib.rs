//! Finds insecure handling of sensitive data in a Locust project.
