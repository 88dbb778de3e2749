//! Starts every process: terminals and pipes, output caps, stop then kill, the sandbox of each operating system.
