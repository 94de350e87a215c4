use super::*;

/// Two events of each of two keys, acknowledged and handled once by each of two groups.
fn sound() -> Run {
    let acked = [("a", 0), ("b", 1), ("a", 2), ("b", 3)];
    let acked: Vec<_> =
        acked.iter().map(|(key, n)| format!("acked id-{n} {key} {n}").parse::<Acked>().unwrap()).collect();
    let handlings = |process: u32| {
        let line = |acked: &Acked| format!("{process} 1 {} {} {} done", acked.id, acked.key, acked.n);
        acked.iter().map(|acked| line(acked).parse().unwrap()).collect::<Vec<Handling>>()
    };
    let group = |name: &str, process| Group {
        name: name.to_owned(),
        handlings: handlings(process),
        dead: Vec::new(),
    };
    let groups = vec![group("billing", 1), group("audit", 2)];
    Run { acked, groups, unsettled: 2, ..Run::default() }
}

fn again(run: &mut Run, line: &str) {
    run.groups[0].handlings.push(line.parse().unwrap());
}

#[test]
fn a_run_without_faults_passes_the_check() {
    let verdict = check(&sound());
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!((verdict.acked, verdict.handled, verdict.unacked), (4, vec![4, 4], 0));
    assert!(verdict.again.is_empty());
}

#[test]
fn records_are_read_as_they_are_written() {
    let run = sound();
    assert_eq!(run.acked[2].to_string().parse(), Ok(run.acked[2].clone()));
    for end in ["done", "failed", "panicked", "hung", "rejected"] {
        let line = format!("7 2 id-1 b 1 {end}");
        assert_eq!(line.parse::<Handling>().unwrap().to_string(), line);
    }
    for torn in ["", "acked id-1", "7 2 id-1 b", "7 2 id-1 b 1 don"] {
        assert!(torn.parse::<Acked>().is_err() && torn.parse::<Handling>().is_err(), "{torn}");
    }
}

#[test]
fn a_lost_event_is_found_whichever_group_lost_it() {
    for group in 0..2 {
        let mut run = sound();
        run.groups[group].handlings.remove(2);
        let verdict = check(&run);
        assert_eq!(verdict.lost.len(), 1, "{verdict:?}");
        assert!(verdict.lost[0].contains("id-2"), "{verdict:?}");
    }
}

#[test]
fn an_event_that_only_failed_is_lost_unless_it_is_a_dead_letter() {
    let mut run = sound();
    run.groups[0].handlings[3].end = End::Failed;
    assert_eq!(check(&run).lost.len(), 1);
    run.groups[0].dead.push(Dead { id: "id-3".to_owned(), reason: "no such meter".to_owned() });
    let verdict = check(&run);
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!(verdict.dead, [1, 0]);
    run.groups[0].dead[0].reason.clear();
    assert_eq!(check(&run).unexplained.len(), 1);
}

#[test]
fn a_key_out_of_order_is_found_and_two_keys_have_none() {
    let mut run = sound();
    run.groups[1].handlings.swap(0, 1);
    assert!(check(&run).is_sound());
    run.groups[1].handlings.swap(0, 3);
    let verdict = check(&run);
    assert_eq!(verdict.out_of_order.len(), 1, "{verdict:?}");
}

#[test]
fn an_event_that_begins_before_the_earlier_one_of_its_key_succeeded_is_out_of_order() {
    let mut run = sound();
    run.groups[0].handlings[0].end = End::Failed;
    again(&mut run, "1 2 id-0 a 0 done");
    let verdict = check(&run);
    assert_eq!((verdict.out_of_order.len(), verdict.lost.len()), (1, 0), "{verdict:?}");
}

#[test]
fn another_id_or_another_key_is_found() {
    let mut run = sound();
    run.groups[0].handlings[1].id = "id-9".to_owned();
    assert_eq!(check(&run).changed.len(), 1);
    let mut run = sound();
    run.groups[0].handlings[1].key = "c".to_owned();
    let verdict = check(&run);
    assert_eq!((verdict.changed.len(), verdict.lost.len()), (1, 1), "{verdict:?}");
}

#[test]
fn an_event_without_a_seen_acknowledgement_is_counted() {
    let mut run = sound();
    again(&mut run, "1 1 id-4 a 4 done");
    let verdict = check(&run);
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!(verdict.unacked, 1);
}

#[test]
fn a_duplicate_without_a_cause_is_found() {
    let mut run = sound();
    again(&mut run, "3 2 id-3 b 3 done");
    let verdict = check(&run);
    assert_eq!(verdict.unexplained.len(), 1, "{verdict:?}");
}

#[test]
fn a_kill_explains_what_was_not_settled_and_nothing_older() {
    let mut run = sound();
    run.killed.insert(1);
    again(&mut run, "3 2 id-2 a 2 done");
    again(&mut run, "3 2 id-3 b 3 done");
    let verdict = check(&run);
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!(verdict.again[&Cause::Killed], 2);
    again(&mut run, "3 2 id-0 a 0 done");
    assert_eq!(check(&run).unexplained.len(), 1);
}

#[test]
fn a_refused_outcome_explains_one_duplicate() {
    let mut run = sound();
    run.refused.insert(1, 1);
    again(&mut run, "3 2 id-0 a 0 done");
    assert_eq!(check(&run).again[&Cause::Refused], 1);
    again(&mut run, "3 2 id-1 b 1 done");
    assert_eq!(check(&run).unexplained.len(), 1);
}

#[test]
fn a_failure_and_a_hang_explain_the_next_attempt() {
    for (end, cause) in
        [(End::Failed, Cause::Failure), (End::Panicked, Cause::Failure), (End::Hung, Cause::Hang)]
    {
        let mut run = sound();
        run.groups[0].handlings[3].end = end;
        again(&mut run, "3 2 id-3 b 3 done");
        let verdict = check(&run);
        assert!(verdict.is_sound(), "{verdict:?}");
        assert_eq!(verdict.again[&cause], 1);
    }
}

#[test]
fn a_rejected_event_is_not_handled_again() {
    let mut run = sound();
    run.groups[0].handlings[3].end = End::Rejected;
    again(&mut run, "3 2 id-3 b 3 done");
    assert_eq!(check(&run).unexplained.len(), 1);
}
