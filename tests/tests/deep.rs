//! Types that lead 200 levels deep. That this compiles, and in no more time than types beside each other take,
//! is most of the test; `tests/benches/compile_time --levels` measures it.

// rustc's own limit, which serde's derives meet at this depth too.
#![recursion_limit = "1024"]
#![allow(missing_docs, reason = "what the types hold means nothing")]

use std::sync::Arc;
use std::time::Duration;

use events_runtime::avro::{from_slice, to_vec};
use events_runtime::{Config, Event, EventBus, EventData, Hub, PublicSignal};
use tokio::sync::Notify;

/// Structs that each name the next one twice.
macro_rules! chain {
    ($($this:ident $next:ident),*) => {
        $(
            #[derive(Debug, Clone, PartialEq, Default, EventData)]
            pub struct $this {
                pub next: Box<$next>,
                pub again: Vec<$next>,
            }
        )*
    };
}

#[derive(Debug, Clone, PartialEq, Default, PublicSignal)]
#[public_signal(event_type = "org.events.deep.level.passed.v1")]
pub struct Deep {
    pub next: Box<L001>,
    pub again: Vec<L001>,
}

chain!(
    L001 L002, L002 L003, L003 L004, L004 L005, L005 L006, L006 L007, L007 L008, L008 L009, L009 L010,
    L010 L011, L011 L012, L012 L013, L013 L014, L014 L015, L015 L016, L016 L017, L017 L018, L018 L019,
    L019 L020, L020 L021, L021 L022, L022 L023, L023 L024, L024 L025, L025 L026, L026 L027, L027 L028,
    L028 L029, L029 L030, L030 L031, L031 L032, L032 L033, L033 L034, L034 L035, L035 L036, L036 L037,
    L037 L038, L038 L039, L039 L040, L040 L041, L041 L042, L042 L043, L043 L044, L044 L045, L045 L046,
    L046 L047, L047 L048, L048 L049, L049 L050, L050 L051, L051 L052, L052 L053, L053 L054, L054 L055,
    L055 L056, L056 L057, L057 L058, L058 L059, L059 L060, L060 L061, L061 L062, L062 L063, L063 L064,
    L064 L065, L065 L066, L066 L067, L067 L068, L068 L069, L069 L070, L070 L071, L071 L072, L072 L073,
    L073 L074, L074 L075, L075 L076, L076 L077, L077 L078, L078 L079, L079 L080, L080 L081, L081 L082,
    L082 L083, L083 L084, L084 L085, L085 L086, L086 L087, L087 L088, L088 L089, L089 L090, L090 L091,
    L091 L092, L092 L093, L093 L094, L094 L095, L095 L096, L096 L097, L097 L098, L098 L099, L099 L100,
    L100 L101, L101 L102, L102 L103, L103 L104, L104 L105, L105 L106, L106 L107, L107 L108, L108 L109,
    L109 L110, L110 L111, L111 L112, L112 L113, L113 L114, L114 L115, L115 L116, L116 L117, L117 L118,
    L118 L119, L119 L120, L120 L121, L121 L122, L122 L123, L123 L124, L124 L125, L125 L126, L126 L127,
    L127 L128, L128 L129, L129 L130, L130 L131, L131 L132, L132 L133, L133 L134, L134 L135, L135 L136,
    L136 L137, L137 L138, L138 L139, L139 L140, L140 L141, L141 L142, L142 L143, L143 L144, L144 L145,
    L145 L146, L146 L147, L147 L148, L148 L149, L149 L150, L150 L151, L151 L152, L152 L153, L153 L154,
    L154 L155, L155 L156, L156 L157, L157 L158, L158 L159, L159 L160, L160 L161, L161 L162, L162 L163,
    L163 L164, L164 L165, L165 L166, L166 L167, L167 L168, L168 L169, L169 L170, L170 L171, L171 L172,
    L172 L173, L173 L174, L174 L175, L175 L176, L176 L177, L177 L178, L178 L179, L179 L180, L180 L181,
    L181 L182, L182 L183, L183 L184, L184 L185, L185 L186, L186 L187, L187 L188, L188 L189, L189 L190,
    L190 L191, L191 L192, L192 L193, L193 L194, L194 L195, L195 L196, L196 L197, L197 L198, L198 L199
);

#[derive(Debug, Clone, PartialEq, Default, EventData)]
pub struct L199 {
    pub value: i64,
}

fn deep() -> Deep {
    let mut event = Deep::default();
    event.again.push(L001 { again: vec![L002::default()], ..L001::default() });
    event
}

#[test]
fn an_event_that_leads_200_levels_deep_is_written_and_read() {
    let event = deep();
    let datum = to_vec(&event).expect("it is written");
    assert_eq!(from_slice::<Deep>(&datum).expect("it is read"), event);
}

#[test]
fn the_schema_of_200_levels_defines_each_once() {
    let schema = Deep::SCHEMA_JSON;
    for level in 1..200 {
        assert_eq!(schema.matches(&format!("\"name\":\"L{level:03}\"")).count(), 1, "level {level}");
    }
    assert_eq!(schema.matches("\"items\":\"L").count(), 199, "the second place names what the first defined");
}

#[tokio::test]
async fn an_event_that_leads_200_levels_deep_goes_over_the_bus() {
    let config = r#"
        [service]
        name = "shop"

        [bus]
        url = "memory:deep"

        [routes."org.events.deep.level.passed.v1"]
        levels = {}
    "#;
    let config = Config::from_toml(config).expect("a right configuration");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("the bus starts");
    bus.hub().emit(deep()).delivered().await.expect("the broker acknowledges");
    let seen = Arc::new(Notify::new());
    bus.hub().scope(|| {
        let seen = Arc::clone(&seen);
        DEEP.connect("watch", move |event: &Event<Deep>| {
            assert_eq!(**event, deep());
            seen.notify_one();
        });
    });
    let run = bus.consume("levels").group("watchers").run_until(async move { seen.notified().await });
    let consumed = tokio::time::timeout(Duration::from_secs(60), run).await.expect("it comes");
    assert_eq!(consumed.expect("no fault").acked, 1);
}
