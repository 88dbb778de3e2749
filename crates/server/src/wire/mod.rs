//! Between the engine's nouns and the client's spelling.
//!
//! Every match is exhaustive: a new kind of item or policy does not compile until somebody decides how clients see it.

#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod config;
mod enums;
mod from_wire;
mod permissions;
mod review;
mod to_wire;
mod turn;

pub(crate) use from_wire::response_items;
pub(crate) use permissions::additional as additional_permissions;
pub(crate) use to_wire::{abs, millis, unix_seconds};

/// How a value of ours looks on the wire.
pub(crate) trait ToWire {
    type Wire;

    fn to_wire(&self) -> Self::Wire;
}

/// The same for values that can be long: they are moved.
pub(crate) trait IntoWire {
    type Wire;

    fn into_wire(self) -> Self::Wire;
}

/// What a value on the wire means to us, where every value means something.
pub(crate) trait FromWire {
    type Inner;

    #[expect(clippy::wrong_self_convention, reason = "it reads as the counterpart of `to_wire`")]
    fn from_wire(self) -> Self::Inner;
}

impl<T: ToWire> ToWire for Option<T> {
    type Wire = Option<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        self.as_ref().map(ToWire::to_wire)
    }
}

impl<T: ToWire> ToWire for Vec<T> {
    type Wire = Vec<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        self.iter().map(ToWire::to_wire).collect()
    }
}

impl<T: IntoWire> IntoWire for Option<T> {
    type Wire = Option<T::Wire>;

    fn into_wire(self) -> Self::Wire {
        self.map(IntoWire::into_wire)
    }
}

impl<T: IntoWire> IntoWire for Vec<T> {
    type Wire = Vec<T::Wire>;

    fn into_wire(self) -> Self::Wire {
        self.into_iter().map(IntoWire::into_wire).collect()
    }
}

impl<T: FromWire> FromWire for Option<T> {
    type Inner = Option<T::Inner>;

    fn from_wire(self) -> Self::Inner {
        self.map(FromWire::from_wire)
    }
}

impl<T: FromWire> FromWire for Vec<T> {
    type Inner = Vec<T::Inner>;

    fn from_wire(self) -> Self::Inner {
        self.into_iter().map(FromWire::from_wire).collect()
    }
}
