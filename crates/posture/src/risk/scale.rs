//! OWASP's scale: factors from 0 to 9, and the matrix that makes a level of likelihood and impact.
//! Source: <https://owasp.org/www-community/OWASP_Risk_Rating_Methodology>.

/// How open the way to a secret is. The order is the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Exposure {
    /// Something stands before it.
    Closed,
    /// It takes a further step, or the protection is not whole.
    Partly,
    /// A secret comes out, or lies there.
    Open,
}

impl Exposure {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Partly => "partly open",
            Self::Open => "open",
        }
    }
}

/// A level of risk, as OWASP calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Hardly any.
    Note,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

/// Below this, a mean of factors is low.
pub const MEDIUM_FROM: f64 = 3.0;
/// From here on, it is high.
pub const HIGH_FROM: f64 = 6.0;

impl Level {
    /// OWASP's matrix: overall severity by likelihood and impact, each from 0 to 9.
    pub fn of(likelihood: f64, impact: f64) -> Self {
        let band = |value: f64| usize::from(value >= MEDIUM_FROM) + usize::from(value >= HIGH_FROM);
        // Rows: impact low, medium, high. Columns: likelihood low, medium, high.
        const MATRIX: [[Level; 3]; 3] = [
            [Level::Note, Level::Low, Level::Medium],
            [Level::Low, Level::Medium, Level::High],
            [Level::Medium, Level::High, Level::Critical],
        ];
        MATRIX[band(impact)][band(likelihood)]
    }

    /// The word for it, as in a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The word for it, as in a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Note => "Note",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}
