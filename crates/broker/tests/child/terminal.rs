//! What was a terminal stays one: size, keys, Ctrl-C, Ctrl-Z, alone and in a pipeline.

use super::drive::{COUNTER, Driven, runner};

fn counter() -> Driven {
    Driven::at_terminal(runner().to_str().unwrap(), &["python3", "-c", COUNTER])
}

#[test]
fn all_three_streams_are_terminals_of_the_right_size() {
    let script = "import os; print([os.isatty(n) for n in range(3)], os.get_terminal_size(1), os.get_terminal_size(2)); \
                  open('/dev/tty', 'w').write('tty\\n')";
    let driven = Driven::at_terminal(runner().to_str().unwrap(), &["python3", "-c", script]);
    let (code, shown) = driven.end();
    let size = "os.terminal_size(columns=80, lines=24)";
    assert_eq!(shown, format!("[True, True, True] {size} {size}\r\ntty\r\n"));
    assert_eq!(code, 0);
}

#[test]
fn what_is_no_terminal_beside_one_does_not_become_one() {
    let mut driven = Driven::shell();
    driven.line("$R python3 -c 'import os; os.write(1, str([os.isatty(n) for n in range(3)]).encode())' 2>/dev/null");
    driven.expect("[True, True, False]");
    driven.expect("$ ");
    driven.line("$R python3 -c 'import os; os.write(2, str([os.isatty(n) for n in range(3)]).encode())' | cat");
    driven.expect("[True, False, True]");
    driven.expect("$ ");
    driven.line("echo | $R python3 -c 'import os; os.write(2, str([os.isatty(n) for n in range(3)]).encode())'");
    driven.expect("[False, True, True]");
}

#[test]
fn a_new_size_arrives_once_and_is_the_new_one() {
    let mut driven = counter();
    driven.expect("ready");
    driven.resize(50, 132);
    assert_eq!(driven.expect_line("got WINCH 1 at "), "132x50");
    driven.resize(30, 100);
    assert_eq!(driven.expect_line("got WINCH 2 at "), "100x30");
    let shown = driven.settle();
    assert!(!shown.contains("got WINCH 3"), "{shown}");
}

#[test]
fn ctrl_c_arrives_once_each_time() {
    let mut driven = counter();
    driven.expect("ready");
    driven.keys("\x03");
    driven.expect("got INT 1");
    assert!(!driven.settle().contains("got INT 2"));
    driven.keys("\x03");
    driven.expect("got INT 2");
    driven.keys("\x1c");
    driven.expect("got QUIT 1");
    let shown = driven.settle();
    assert!(!shown.contains("got INT 3") && !shown.contains("got QUIT 2"), "{shown}");
}

#[test]
fn ctrl_c_arrives_once_in_a_pipeline_and_in_a_script() {
    for line in
        ["$R python3 -c \"$COUNTER\" | (trap '' INT; cat)", "sh -c 'trap : INT; $R python3 -c \"$COUNTER\"; echo'"]
    {
        let mut driven = Driven::shell();
        driven.line(line);
        driven.expect("ready ");
        driven.keys("\x03");
        driven.expect("got INT 1");
        driven.keys("\x03");
        driven.expect("got INT 2");
        let shown = driven.settle();
        assert!(!shown.contains("got INT 3"), "{shown}");
    }
}

#[test]
fn single_keys_arrive_at_once_and_are_not_echoed() {
    for line in ["$R python3 -c \"$KEYS\"", "$R python3 -c \"$KEYS\" 2>/dev/null", "$R python3 -c \"$KEYS\" | cat"] {
        let mut driven = Driven::shell();
        driven.line(line);
        driven.expect("ready");
        driven.keys("w");
        assert_eq!(driven.expect("key <w>").trim(), "");
        driven.keys("s");
        assert_eq!(driven.expect("key <s>").trim(), "");
        driven.keys("q");
        driven.expect("$ ");
    }
}

#[test]
fn ctrl_z_stops_the_job_and_fg_goes_on_with_it() {
    for line in ["$R python3 -c \"$KEYS\"", "$R python3 -c \"$KEYS\" | cat"] {
        let mut driven = Driven::shell();
        driven.line(line);
        driven.expect("ready");
        for _ in 0..2 {
            driven.keys("\x1a");
            driven.expect("Stopped");
            driven.expect("$ ");
            // The shell has its terminal as it was: lines, with echo.
            driven.line("stty -a | grep -o '[-]*icanon\\|[-]*echo ' | tr '\\n' ' '; echo modes");
            driven.expect("icanon echo  modes");
            driven.expect("$ ");
            driven.resize(40, 90);
            driven.line("fg");
            driven.expect("python3");
            // A key that is typed before the job has the terminal again is the shell's to echo.
            driven.settle();
            driven.keys("w\r");
            driven.expect("key <w>");
            driven.expect(">");
        }
        driven.keys("q\r");
        driven.expect("$ ");
        driven.line("echo status $?");
        driven.expect("status 0");
    }
}

#[test]
fn in_the_background_it_runs_on_without_the_terminal() {
    let mut driven = Driven::shell();
    driven.line("$R sh -c 'sleep 0.5; echo begun; read line; echo read $line'");
    driven.settle();
    driven.keys("\x1a");
    driven.expect("Stopped");
    driven.line("bg");
    driven.expect("begun");
    driven.line("echo shell $((1 + 1))");
    driven.expect("shell 2");
    driven.line("fg");
    driven.expect("sleep 0.5");
    driven.settle();
    driven.keys("hello\r");
    driven.expect("read hello");
}

#[test]
fn the_terminal_is_as_it_was_afterwards() {
    let mut driven = Driven::shell();
    driven.line("stty -a > /dev/null; before=$(stty -g); $R python3 -c 'import tty; tty.setraw(0)'; test $before = $(stty -g) && echo same");
    driven.expect("same");
}

#[test]
fn passwords_are_asked_for_at_the_terminal() {
    let mut driven = Driven::shell();
    let script = "import getpass, sys; print(sys.stdin.isatty(), getpass.getpass()[::-1])";
    driven.line(&format!("$R python3 -c '{script}'; echo | $R python3 -c '{script}'"));
    for answer in ["True terces", "False terces"] {
        driven.expect("Password: ");
        driven.keys("secret\r");
        assert!(!driven.expect(answer).contains("secret"));
    }
}

#[test]
fn what_is_typed_is_redacted_where_it_is_echoed() {
    let mut driven = Driven::at_terminal(
        runner().to_str().unwrap(),
        &["--hide", "KEY=correct-horse-battery", "sh", "-c", "echo ready; read line; echo end"],
    );
    driven.expect("ready");
    driven.keys("correct-horse-battery\r");
    let shown = driven.expect("end");
    assert!(shown.contains("[KEY]") && !shown.contains("correct"), "{shown}");
}

#[test]
fn a_terminal_that_hangs_up_ends_the_child() {
    let mut driven = Driven::at_terminal(runner().to_str().unwrap(), &["sh", "-c", "echo pid $$; exec sleep 60"]);
    let pid = driven.expect_line("pid ");
    driven.hang_up();
    super::drive::eventually("the child's end", || !super::drive::is_alive(&pid));
}

#[test]
fn what_runs_in_the_background_afterwards_goes_on() {
    let mut driven = Driven::shell();
    driven.line("$R sh -c 'sleep 60 & echo pid $!'");
    let pid = driven.expect_line("pid ");
    driven.expect("$ ");
    driven.settle();
    assert!(super::drive::is_alive(&pid));
    super::drive::run(&["kill", &pid]).status().unwrap();
}

const HIDDEN: [&str; 2] = ["--hide", "KEY=correct-horse-battery"];

fn python(script: &str) -> Driven {
    let arguments = [HIDDEN.as_slice(), &["python3", "-c", script]].concat();
    Driven::at_terminal(runner().to_str().unwrap(), &arguments)
}

#[test]
fn a_pause_within_a_value_lets_no_beginning_of_it_out() {
    let script = "import os, time\nos.write(1, b'key: ')\n\
                  for byte in b'correct-horse-battery': os.write(1, bytes([byte])); time.sleep(0.06)\n\
                  os.write(1, b' | correct-horse'); time.sleep(1.2); os.write(1, b'. end\\n')";
    let mut driven = python(script);
    driven.expect("key: ");
    let seen = driven.settle().to_owned();
    assert!(seen.ends_with("key: "), "{seen:?}");
    assert_eq!(driven.expect(" | "), "[KEY]");
    // The beginning stays back for as long as it can become the value, and comes out when it no longer can.
    let seen = driven.settle().to_owned();
    assert!(seen.ends_with(" | "), "{seen:?}");
    assert_eq!(driven.expect(" end"), "correct-horse.");
}

#[test]
fn a_prompt_without_a_newline_is_shown_at_once() {
    let mut driven = python("import os; os.write(1, b'Password: '); input(); print('thanks')");
    driven.expect("Password: ");
    driven.keys("x\r");
    driven.expect("thanks");
}

#[test]
fn a_value_in_two_colours_or_folded_at_the_edge_is_redacted() {
    let script = "import os\n\
                  print('\\x1b[1mcorrect-\\x1b[31mhorse-battery\\x1b[0m one')\n\
                  width = os.get_terminal_size().columns\n\
                  print('x' * (width - 8) + 'correct-'); print('horse-battery two')\n\
                  input()\n\
                  while os.get_terminal_size().columns != 132: pass\n\
                  print('x' * (132 - 8) + 'correct-'); print('horse-battery three')";
    let mut driven = python(script);
    assert_eq!(driven.expect(" one"), "\u{1b}[1m\u{1b}[31m[KEY]\u{1b}[0m");
    assert!(driven.expect(" two").ends_with("x\r\n[KEY]"));
    driven.resize(24, 132);
    driven.keys("\r");
    assert!(driven.expect(" three").ends_with("x\r\n[KEY]"));
}
