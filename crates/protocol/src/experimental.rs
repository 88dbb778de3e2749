//! What only clients with the experimental capability may use or see.
//!
//! A type with experimental parts is declared inside [`gated!`], where `#[experimental("…")]` on a field or variant
//! marks the part and names it as clients know it. Everything else follows from the mark: the check of incoming
//! parameters ([`Experimental::experimental_use`]), the removal from what goes to other clients
//! ([`Experimental::hide_experimental`]), a line in the documentation, and the absence from the stable schemas. Types
//! without experimental parts implement nothing and cost nothing: [`Probe`] finds out at compile time.

use std::collections::{BTreeMap, HashMap};

/// A type some of whose parts are experimental.
pub trait Experimental {
    /// The name of an experimental part this value uses, if it uses one: `thread/start.dynamicTools`,
    /// `askForApproval.granular`.
    fn experimental_use(&self) -> Option<&'static str>;

    /// Takes the experimental parts out of a value on its way to a client without the capability.
    fn hide_experimental(&mut self);
}

impl<T: Experimental> Experimental for Option<T> {
    fn experimental_use(&self) -> Option<&'static str> {
        self.as_ref().and_then(T::experimental_use)
    }

    fn hide_experimental(&mut self) {
        self.iter_mut().for_each(T::hide_experimental);
    }
}

impl<T: Experimental> Experimental for Vec<T> {
    fn experimental_use(&self) -> Option<&'static str> {
        self.iter().find_map(T::experimental_use)
    }

    fn hide_experimental(&mut self) {
        self.iter_mut().for_each(T::hide_experimental);
    }
}

/// Whether a field says anything: a default is as good as absence.
pub trait Presence {
    /// Whether the sender used the field.
    fn is_present(&self) -> bool;
}

impl Presence for bool {
    fn is_present(&self) -> bool {
        *self
    }
}

impl<T> Presence for Option<T> {
    fn is_present(&self) -> bool {
        self.is_some()
    }
}

impl<T> Presence for Vec<T> {
    fn is_present(&self) -> bool {
        !self.is_empty()
    }
}

impl<K, V> Presence for HashMap<K, V> {
    fn is_present(&self) -> bool {
        !self.is_empty()
    }
}

impl<K, V> Presence for BTreeMap<K, V> {
    fn is_present(&self) -> bool {
        !self.is_empty()
    }
}

/// Asks a value of any type: [`Experimental`] ones answer, all others ([`Ungated`]) have nothing to say.
///
/// Works where the type is known, as in the macros of this crate: the inherent methods, which exist only for
/// [`Experimental`] types, come before those of the trait.
#[doc(hidden)]
pub struct Probe<T>(pub T);

impl<T: Experimental> Probe<&T> {
    #[doc(hidden)]
    pub fn experimental_use(&self) -> Option<&'static str> {
        self.0.experimental_use()
    }
}

impl<T: Experimental> Probe<&mut T> {
    #[doc(hidden)]
    pub fn hide_experimental(&mut self) {
        self.0.hide_experimental();
    }
}

/// The answers of types without experimental parts.
#[doc(hidden)]
pub trait Ungated {
    #[doc(hidden)]
    fn experimental_use(&self) -> Option<&'static str> {
        None
    }

    #[doc(hidden)]
    fn hide_experimental(&mut self) {}
}

impl<T> Ungated for Probe<T> {}

/// Declares a struct or an enum with experimental parts. `#[experimental("name")]` comes last among the attributes of
/// the field or variant it marks. `#[experimental("name", shown)]` marks a field of something the server sends that
/// older clients get all the same, because they always have.
macro_rules! gated {
    ($(#[$($meta:tt)*])* pub struct $name:ident { $($fields:tt)* }) => {
        gated! { @field [$(#[$($meta)*])* pub struct $name] [] [] [] [] $($fields)* }
    };
    ($(#[$($meta:tt)*])* pub enum $name:ident { $($variants:tt)* }) => {
        gated! { @variant [$(#[$($meta)*])* pub enum $name] [] [] [] $($variants)* }
    };

    // Fields, one at a time: what stands before the braces, the fields so far, the marked, the others, and the
    // attributes of the field that comes next.
    (@field [$($head:tt)*] [$($out:tt)*] [$($marked:tt)*] [$($plain:tt)*] [$($attrs:tt)*]
        #[experimental($name:tt)] pub $field:ident: $type:ty, $($rest:tt)*) => {
        gated! { @field
            [$($head)*]
            [$($out)* $($attrs)* #[doc = ""] #[doc = "Experimental:"] #[doc = $name] pub $field: $type,]
            [$($marked)* ($field $name)] [$($plain)*] [] $($rest)* }
    };
    (@field [$($head:tt)*] [$($out:tt)*] [$($marked:tt)*] [$($plain:tt)*] [$($attrs:tt)*]
        #[experimental($name:tt, shown)] pub $field:ident: $type:ty, $($rest:tt)*) => {
        gated! { @field
            [$($head)*]
            [$($out)* $($attrs)* #[doc = ""] #[doc = "Experimental:"] #[doc = $name] pub $field: $type,]
            [$($marked)*] [$($plain)* $field] [] $($rest)* }
    };
    (@field [$($head:tt)*] [$($out:tt)*] [$($marked:tt)*] [$($plain:tt)*] [$($attrs:tt)*]
        pub $field:ident: $type:ty, $($rest:tt)*) => {
        gated! { @field
            [$($head)*] [$($out)* $($attrs)* pub $field: $type,] [$($marked)*] [$($plain)* $field] [] $($rest)* }
    };
    (@field [$($head:tt)*] [$($out:tt)*] [$($marked:tt)*] [$($plain:tt)*] [$($attrs:tt)*]
        #[$($attr:tt)*] $($rest:tt)*) => {
        gated! { @field
            [$($head)*] [$($out)*] [$($marked)*] [$($plain)*] [$($attrs)* #[$($attr)*]] $($rest)* }
    };
    (@field [$(#[$($meta:tt)*])* pub struct $name:ident] [$($out:tt)*]
        [$(($marked:ident $use:tt))*] [$($plain:ident)*] []) => {
        $(#[$($meta)*])*
        pub struct $name { $($out)* }

        impl $crate::experimental::Experimental for $name {
            fn experimental_use(&self) -> Option<&'static str> {
                #[allow(unused_imports, reason = "needed only where a field is ungated")]
                use $crate::experimental::{Presence as _, Probe, Ungated as _};
                $(if self.$marked.is_present() {
                    return Some($use);
                })*
                None$(.or_else(|| Probe(&self.$plain).experimental_use()))*
            }

            fn hide_experimental(&mut self) {
                #[allow(unused_imports, reason = "needed only where a field is ungated")]
                use $crate::experimental::{Probe, Ungated as _};
                $(self.$marked = Default::default();)*
                $(Probe(&mut self.$plain).hide_experimental();)*
            }
        }
    };

    // Variants, one at a time: as above.
    (@variant [$($head:tt)*] [$($out:tt)*] [$($marked:tt)*] [$($attrs:tt)*]
        #[experimental($name:tt)] $variant:ident $({ $($body:tt)* })?, $($rest:tt)*) => {
        gated! { @variant
            [$($head)*]
            [$($out)* $($attrs)* #[doc = ""] #[doc = "Experimental:"] #[doc = $name]
                $variant $({ $($body)* })?,]
            [$($marked)* ($variant $name)] [] $($rest)* }
    };
    (@variant [$($head:tt)*] [$($out:tt)*] [$($marked:tt)*] [$($attrs:tt)*]
        $variant:ident $({ $($body:tt)* })?, $($rest:tt)*) => {
        gated! { @variant
            [$($head)*] [$($out)* $($attrs)* $variant $({ $($body)* })?,] [$($marked)*] [] $($rest)* }
    };
    (@variant [$($head:tt)*] [$($out:tt)*] [$($marked:tt)*] [$($attrs:tt)*] #[$($attr:tt)*] $($rest:tt)*) => {
        gated! { @variant [$($head)*] [$($out)*] [$($marked)*] [$($attrs)* #[$($attr)*]] $($rest)* }
    };
    (@variant [$(#[$($meta:tt)*])* pub enum $name:ident] [$($out:tt)*] [$(($marked:ident $use:tt))*] []) => {
        $(#[$($meta)*])*
        pub enum $name { $($out)* }

        impl $crate::experimental::Experimental for $name {
            fn experimental_use(&self) -> Option<&'static str> {
                match self {
                    $(Self::$marked { .. } => Some($use),)*
                    _ => None,
                }
            }

            /// A variant cannot be taken out of a value; whoever makes one for a client sees to it.
            fn hide_experimental(&mut self) {}
        }
    };
}

pub(crate) use gated;

#[cfg(test)]
mod tests {
    #![expect(unreachable_pub, reason = "`gated!` declares public types")]

    use super::*;

    gated! {
        #[derive(Default)]
        pub struct Message {
            pub plain: u32,
            #[experimental("message.hidden")]
            pub hidden: Option<u32>,
            #[experimental("message.shown", shown)]
            pub shown: Vec<u32>,
            pub nested: Option<Choice>,
            pub list: Vec<Message>,
        }
    }

    gated! {
        #[derive(PartialEq, Debug)]
        pub enum Choice {
            Stable,
            #[experimental("choice.new")]
            New { value: u32 },
        }
    }

    #[test]
    fn a_message_without_experimental_parts_uses_none() {
        let message = Message { plain: 1, shown: vec![1], nested: Some(Choice::Stable), ..Message::default() };
        assert_eq!(message.experimental_use(), None);
    }

    #[test]
    fn use_is_found_in_fields_and_in_what_they_hold() {
        let field = Message { hidden: Some(1), ..Message::default() };
        assert_eq!(field.experimental_use(), Some("message.hidden"));
        let variant = Message { nested: Some(Choice::New { value: 1 }), ..Message::default() };
        assert_eq!(variant.experimental_use(), Some("choice.new"));
        let deep = Message { list: vec![variant], ..Message::default() };
        assert_eq!(deep.experimental_use(), Some("choice.new"));
    }

    #[test]
    fn hiding_takes_out_marked_fields_everywhere_but_leaves_the_shown() {
        let inner = Message { hidden: Some(2), ..Message::default() };
        let mut message = Message { plain: 1, hidden: Some(1), shown: vec![3], list: vec![inner], nested: None };
        message.hide_experimental();
        assert_eq!((message.plain, message.hidden, message.shown), (1, None, vec![3]));
        assert_eq!(message.list[0].hidden, None);
    }
}
