//! The whole surface: each method with its order and its handler.

use protocol::methods as m;

use crate::dispatch::{Order, Router};
use crate::handlers::{account, initialize, model, thread, turn};

pub(crate) fn router() -> Router {
    let router = Router::default()
        .on(m::Initialize, |_| Order::Global("initialize"), initialize::initialize)
        .on(m::ThreadStart, |_| Order::Any, thread::start)
        .on(m::ThreadResume, |p| Order::Thread(p.thread_id.clone()), thread::resume)
        .on(m::ThreadRead, |_| Order::Any, thread::read)
        .on(m::ThreadLoadedList, |_| Order::Any, thread::loaded_list)
        .on(m::ThreadInjectItems, |p| Order::Thread(p.thread_id.clone()), thread::inject_items)
        .on(m::ThreadNameSet, |p| Order::Thread(p.thread_id.clone()), thread::set_name)
        .on(m::ThreadUnsubscribe, |p| Order::Thread(p.thread_id.clone()), thread::unsubscribe)
        .on(m::TurnStart, |p| Order::Thread(p.thread_id.clone()), turn::start)
        .on(m::TurnSteer, |p| Order::Thread(p.thread_id.clone()), turn::steer)
        .on(m::TurnInterrupt, |_| Order::Any, turn::interrupt)
        .on(m::ModelList, |_| Order::Any, model::list)
        .on(m::AccountRead, |_| Order::Any, account::read);
    unavailable(router)
}
