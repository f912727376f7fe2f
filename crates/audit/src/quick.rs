//! Maps and sets that are asked at every expression or name: by a hash that is quicker than the standard library's, and whose seed is
//! random too.

use foldhash::fast::RandomState;

/// A map.
pub type Map<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A set.
pub type Set<K> = std::collections::HashSet<K, RandomState>;
