//! The client contract as data: methods, parameters, results, notifications, error codes, schema export.
