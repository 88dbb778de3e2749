//! What only clients with the experimental capability may use or see.

/// Values that may use experimental parts of the contract.
pub trait Experimental {
    /// The descriptor of an experimental part this value uses, if it uses one: `thread/start.dynamicTools`,
    /// `askForApproval.granular`.
    fn experimental_use(&self) -> Option<&'static str>;
}
