//! What the child gets as its standard streams, and the pumps behind them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};

use tegmen_sys::pty::Pty;
use tegmen_sys::terminal::{self, Modes};

/// Who has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// We are alone with it, as a shell's foreground job: the child gets a terminal of its own behind ours.
    OwnTerminal,
    /// Others use it too (a pipeline, make, a script): the child stays beside us, in our process group, where the
    /// terminal's keys reach it, and reads standard input itself.
    Beside,
    /// There is none: the child gets a process group of its own, so that what is sent to ours reaches us alone.
    OwnGroup,
}

impl Place {
    /// Looks at the standard streams of this process.
    pub(super) fn find() -> Self {
        let (input, output, errors) = (io::stdin(), io::stdout(), io::stderr());
        let leads = std::process::id() == tegmen_sys::process::own_group();
        let foreground = terminal::is_terminal(&input)
            && terminal::foreground_group(&input).is_ok_and(|group| group == std::process::id());
        let alone = !terminal::is_connection(output.as_fd()) && !terminal::is_connection(errors.as_fd());
        if leads && foreground && alone {
            Self::OwnTerminal
        } else if terminal::has_controlling() {
            Self::Beside
        } else {
            Self::OwnGroup
        }
    }
}

/// One output: where it is read, and where it goes.
pub(super) struct Output {
    /// What it is called where masked values are counted.
    pub(super) channel: &'static str,
    pub(super) from: Arc<File>,
    pub(super) to: File,
}

/// A pseudo-terminal that has to keep the size of a real one.
pub(super) struct Window {
    real: OwnedFd,
    ours: Weak<File>,
}

impl Window {
    /// Copies the size. Nothing happens when either is gone.
    pub(super) fn update(&self) {
        if let Some(ours) = self.ours.upgrade() {
            let _ = terminal::copy_size(&self.real, &*ours);
        }
    }
}

/// The child's ends, and ours.
pub(super) struct Streams {
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    pub(super) outputs: Vec<Output>,
    pub(super) windows: Vec<Window>,
    /// The master of the child's own terminal, in [`Place::OwnTerminal`].
    pub(super) master: Option<Arc<File>>,
}

impl Streams {
    /// What is a terminal stays one, what is one file stays one, and what is apart stays apart.
    pub(super) fn open(place: Place) -> io::Result<Self> {
        let (input, output, errors) = (io::stdin(), io::stdout(), io::stderr());
        let (input, output, errors) = (input.as_fd(), output.as_fd(), errors.as_fd());
        let mut maker = Maker::default();
        let mut own = None;
        if place == Place::OwnTerminal {
            let shown = [output, errors].into_iter().find(|other| terminal::same_terminal(input, *other));
            own = Some(maker.terminal(input, shown.unwrap_or(input), &Modes::of(input)?, "terminal")?);
        }
        let mut end = |of: BorrowedFd<'_>, channel| match &own {
            Some((slave, _)) if terminal::same_terminal(input, of) => slave.try_clone(),
            _ => maker.output(of, channel),
        };
        let stdout = end(output, "stdout")?;
        let stderr = if same(output, errors) { stdout.try_clone()? } else { end(errors, "stderr")? };
        let (stdin, master) = own.unzip();
        Ok(Self { stdin, stdout, stderr, outputs: maker.outputs, windows: maker.windows, master })
    }
}

fn same(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    terminal::same_file(one, other) || terminal::same_terminal(one, other)
}

#[derive(Default)]
struct Maker {
    outputs: Vec<Output>,
    windows: Vec<Window>,
}

impl Maker {
    fn output(&mut self, to: BorrowedFd<'_>, channel: &'static str) -> io::Result<OwnedFd> {
        if terminal::is_terminal(to) {
            return Ok(self.terminal(to, to, &Modes::of(to)?.output_only(), channel)?.0);
        }
        let (reader, writer) = io::pipe()?;
        let from = Arc::new(File::from(OwnedFd::from(reader)));
        self.outputs.push(Output { channel, from, to: File::from(to.try_clone_to_owned()?) });
        Ok(writer.into())
    }

    /// A pseudo-terminal with the size of `like`, shown on `to`.
    fn terminal(
        &mut self,
        like: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        modes: &Modes,
        channel: &'static str,
    ) -> io::Result<(OwnedFd, Arc<File>)> {
        let Pty { master, slave } = Pty::open()?;
        modes.apply(&slave)?;
        let master = Arc::new(master);
        let window = Window { real: like.try_clone_to_owned()?, ours: Arc::downgrade(&master) };
        window.update();
        self.windows.push(window);
        self.outputs.push(Output { channel, from: Arc::clone(&master), to: File::from(to.try_clone_to_owned()?) });
        Ok((slave, master))
    }
}
