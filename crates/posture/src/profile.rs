//! For which kind of machine the checks are asked.

/// Where the load test runs. It says which checks make sense, and how bad some of them are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Somebody's own machine, or a server that people log in to.
    #[default]
    Laptop,
    /// A runner of a CI system.
    Ci,
    /// A container without an orchestrator that is known.
    Container,
    /// A pod.
    Kubernetes,
}

impl Profile {
    /// The word for it, as `--profile` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Laptop => "laptop",
            Self::Ci => "ci",
            Self::Container => "container",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Whether the host's own care (updates, firewall, who watches) is somebody else's and cannot be seen from here.
    pub fn is_contained(self) -> bool {
        matches!(self, Self::Container | Self::Kubernetes)
    }
}
