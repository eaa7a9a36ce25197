//! The workloads of WorkloadBench as tokio tasks: workloads WORKLOAD SIZE THREADS. Prints `RESULT SECONDS PEAK_KIB`.

use std::{env, fs, future::Future, pin::Pin, time::Instant};
use tokio::sync::{mpsc, oneshot};

type Boxed = Pin<Box<dyn Future<Output = i64> + Send>>;

fn fib(number: i64) -> Boxed {
    Box::pin(async move {
        if number < 2 {
            return number;
        }
        let half = tokio::spawn(fib(number - 1));
        let other = fib(number - 2).await;
        half.await.unwrap() + other
    })
}

#[derive(Clone, Copy)]
struct Board {
    size: u32,
    columns: u32,
    left: u32,
    right: u32,
}

fn place(board: Board) -> Boxed {
    Box::pin(async move {
        let all = (1u32 << board.size) - 1;
        if board.columns == all {
            return 1;
        }
        let mut children = Vec::new();
        let mut free = !(board.columns | board.left | board.right) & all;
        while free != 0 {
            let one = free & free.wrapping_neg();
            free ^= one;
            children.push(tokio::spawn(place(Board {
                size: board.size,
                columns: board.columns | one,
                left: (board.left | one) << 1,
                right: (board.right | one) >> 1,
            })));
        }
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

fn grow(hash: u64, count: i64) -> Boxed {
    Box::pin(async move {
        let mut children = Vec::new();
        for number in 0..count {
            let mut mixed = hash.wrapping_add((number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^= mixed >> 31;
            let of = if mixed < u64::MAX / 1000 * 123 { 8 } else { 0 };
            children.push(tokio::spawn(grow(mixed, of)));
        }
        let mut sum = 1;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

async fn pingpong(count: i64) -> i64 {
    let (there, mut at_pong) = mpsc::channel(1);
    let (back, mut at_ping) = mpsc::channel(1);
    let pong = tokio::spawn(async move {
        let mut answers = 0;
        while let Some(value) = at_pong.recv().await {
            back.send(value).await.unwrap();
            answers += 1;
        }
        answers
    });
    let mut sent = 0;
    while sent < count / 2 {
        there.send(sent).await.unwrap();
        sent += 1;
        at_ping.recv().await;
    }
    drop(there);
    sent + pong.await.unwrap()
}

async fn fanin(count: i64) -> i64 {
    const SENDERS: i64 = 1000;
    let (sink, mut source) = mpsc::channel(64);
    for _ in 0..SENDERS {
        let sink = sink.clone();
        tokio::spawn(async move {
            for _ in 0..count / SENDERS {
                sink.send(1).await.unwrap();
            }
        });
    }
    let mut sum = 0;
    for _ in 0..count {
        sum += source.recv().await.unwrap();
    }
    sum
}

fn link(left: i64, count: i64, end: oneshot::Sender<i64>) {
    tokio::spawn(async move {
        if left > 1 {
            link(left - 1, count, end)
        } else {
            end.send(count).unwrap()
        }
    });
}

async fn chain(count: i64) -> i64 {
    let (end, result) = oneshot::channel();
    link(count, count, end);
    result.await.unwrap()
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let (workload, size) = (arguments[1].clone(), arguments[2].parse::<i64>().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments[3].parse().unwrap())
        .build()
        .unwrap();
    let started = Instant::now();
    // Spawned: the future that block_on runs itself is on no worker.
    let task = runtime.spawn(async move {
        match workload.as_str() {
            "fib" => fib(size).await,
            "queens" => place(Board { size: size as u32, columns: 0, left: 0, right: 0 }).await,
            "uts" => grow(19, size).await,
            "pingpong" => pingpong(size).await,
            "fanin" => fanin(size).await,
            "chain" => chain(size).await,
            other => panic!("unknown workload: {other}"),
        }
    });
    let result = runtime.block_on(task).unwrap();
    println!("{} {} {}", result, started.elapsed().as_secs_f64(), peak_kib());
}
