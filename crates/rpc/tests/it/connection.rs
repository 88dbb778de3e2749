//! Both halves together: requests both ways, each answered exactly once.

use rpc::{ErrorObject, Incoming, Outgoing, PendingRequests, Reader, RequestId, Responder, encode_request};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadHalf};

fn halves<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S) -> (Reader<ReadHalf<S>>, Outgoing) {
    let (input, output) = tokio::io::split(stream);
    let (outgoing, writer) = Outgoing::new(output);
    tokio::spawn(writer.run());
    (Reader::new(input), outgoing)
}

async fn answer_of(reader: &mut Reader<impl AsyncRead + Unpin>) -> (RequestId, rpc::Outcome) {
    match reader.next().await.unwrap() {
        Some(Incoming::Response { id, outcome }) => (id, outcome),
        other => panic!("expected a response, got {other:?}"),
    }
}

#[tokio::test]
async fn a_request_is_answered_under_its_own_id() {
    let (client, server) = rpc::in_process();
    let (mut client, ask) = halves(client);
    let (mut server, tell) = halves(server);

    for id in [RequestId::Int(-7), RequestId::Text("a string id".to_owned())] {
        ask.push(encode_request(&id, "double", &21)).unwrap();
        let Some(Incoming::Request { id: asked, method, params }) = server.next().await.unwrap() else { panic!() };
        assert_eq!((&asked, &*method), (&id, "double"));
        let number: i64 = serde_json::from_str(params.unwrap().get()).unwrap();
        Responder::new(asked, tell.clone()).respond(&Ok(number * 2));

        let (answered, outcome) = answer_of(&mut client).await;
        assert_eq!((answered, outcome.unwrap().get()), (id, "42"));
    }
}

#[tokio::test]
async fn the_same_id_twice_is_answered_twice() {
    let (client, server) = rpc::in_process();
    let (mut client, _ask) = halves(client);
    let (_server, tell) = halves(server);
    for result in [1, 2] {
        Responder::new(RequestId::Int(50), tell.clone()).respond(&Ok(result));
    }
    for result in ["1", "2"] {
        let (id, outcome) = answer_of(&mut client).await;
        assert_eq!((id, outcome.unwrap().get()), (RequestId::Int(50), result));
    }
}

#[tokio::test]
async fn a_request_whose_task_panics_is_answered_with_an_internal_error() {
    let (client, server) = rpc::in_process();
    let (mut client, _ask) = halves(client);
    let (_server, tell) = halves(server);
    let responder = Responder::new(RequestId::Int(1), tell);
    let task = tokio::spawn(async move {
        let _responder = responder;
        panic!("on purpose");
    });
    assert!(task.await.is_err());
    let (id, outcome) = answer_of(&mut client).await;
    assert_eq!((id, outcome.unwrap_err().code), (RequestId::Int(1), ErrorObject::INTERNAL));
}

#[tokio::test]
async fn what_is_sent_after_a_response_arrives_after_it() {
    let (client, server) = rpc::in_process();
    let (mut client, _ask) = halves(client);
    let (_server, tell) = halves(server);
    for id in 0..100 {
        Responder::new(RequestId::Int(id), tell.clone()).respond(&Ok(()));
        tell.notify("after", &id).unwrap();
    }
    for expected in 0..100 {
        assert_eq!(answer_of(&mut client).await.0, RequestId::Int(expected));
        assert!(matches!(client.next().await.unwrap(), Some(Incoming::Notification { method, params })
            if method == "after" && params.as_ref().unwrap().get() == expected.to_string()));
    }
}

#[tokio::test]
async fn a_question_put_to_two_clients_is_settled_by_the_first_answer() {
    let pending = PendingRequests::new();
    let (id, answer) = pending.register();
    let mut clients = Vec::new();
    for _ in 0..2 {
        let (client, server) = rpc::in_process();
        let (_reader, outgoing) = halves(server);
        outgoing.push(encode_request(&id, "item/approve", &())).unwrap();
        clients.push((client, _reader, outgoing));
    }
    for (index, (client, reader, _outgoing)) in clients.iter_mut().enumerate().rev() {
        client.write_all(format!("{{\"id\":{id},\"result\":{index}}}\n").as_bytes()).await.unwrap();
        let (id, outcome) = answer_of(reader).await;
        assert_eq!(pending.resolve(&id, outcome), index == 1);
    }
    assert_eq!(answer.await.unwrap().unwrap().get(), "1");
}
