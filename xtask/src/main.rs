//! What a developer of Tegmen runs beside cargo: `cargo xtask wheel` and its kin. Not part of the product.

mod docs;
mod sbom;
mod wheel;

use std::process::ExitCode;

use clap::Parser;

/// Tasks of the Tegmen repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Write the documentation that is generated from the program (rules, checks, the rating of risks, the command line), or check it.
    Docs(docs::Args),
    /// Build the wheel: the command line and the Python package in one file.
    Wheel(wheel::WheelArgs),
    /// Build the command line and lay out the wheel's data directory, for a Python build front end that calls maturin.
    WheelData(wheel::DataArgs),
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Docs(args) => docs::docs(&args),
        Task::Wheel(args) => wheel::wheel(&args),
        Task::WheelData(args) => wheel::data(args.profile),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
