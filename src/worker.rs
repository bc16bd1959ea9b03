//! Threads that do what may wait: a few per client, in lanes, so that login and token work never queue behind other requests.
//! Knows nothing of what a job does.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cancel::{Awaited, Cancel, lock};
use crate::error::{Error, Result, Status};

/// Which kind of work a thread is for. At most eight threads in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Ordinary requests.
    Calls,
    /// Logins, unlinking, revoking.
    Login,
    /// Requests that spend a token or a code: never torn down.
    Spend,
    /// What players did and what waits in the outbox, one after the other. Its thread takes the place of one for calls.
    Scrobble,
}

impl Lane {
    const fn most(self) -> usize {
        match self {
            Lane::Calls => 4,
            Lane::Login | Lane::Spend => 2,
            Lane::Scrobble => 1,
        }
    }

    const fn thread_name(self) -> &'static str {
        match self {
            Lane::Calls => "trakt-calls",
            Lane::Login => "trakt-login",
            Lane::Spend => "trakt-spend",
            Lane::Scrobble => "trakt-scrobble",
        }
    }
}

/// Threads that were left behind by a cancel and still hang in a connect; each ends with that connect's time.
const MOST_ABANDONED: usize = 64;
/// An idle thread ends after this long, so that an idle client has none.
const LINGER: Duration = Duration::from_secs(2);

/// A job. What it is given says that all is done but to tell of it: from then on the thread is free for the next job.
type Run = Box<dyn FnOnce(&dyn Fn()) + Send>;

struct Task {
    cancel: Cancel,
    run: Run,
}

struct Thread {
    id: u64,
    lane: Lane,
    /// What it works on; `None` while idle.
    task: Option<Cancel>,
}

#[derive(Default)]
struct State {
    next_id: u64,
    threads: Vec<Thread>,
    /// Handed to idle threads of the lane, never more than there are.
    ready: Vec<(Lane, VecDeque<Task>)>,
    closed: bool,
}

impl State {
    fn queue(&mut self, lane: Lane) -> &mut VecDeque<Task> {
        let at = self
            .ready
            .iter()
            .position(|(of, _)| *of == lane)
            .unwrap_or_else(|| {
                self.ready.push((lane, VecDeque::new()));
                self.ready.len() - 1
            });
        &mut self.ready[at].1
    }

    fn idle(&self, lane: Lane) -> usize {
        self.threads
            .iter()
            .filter(|thread| thread.lane == lane && thread.task.is_none())
            .count()
    }

    /// Jobs that run or wait for an idle thread to wake up.
    fn working(&mut self, lane: Lane) -> usize {
        let running = self.threads.iter().filter(|thread| {
            thread.lane == lane && thread.task.as_ref().is_some_and(|task| !task.is_ended())
        });
        running.count() + self.queue(lane).len()
    }

    /// Whether one more job of the lane would be one too many: eight in all, whatever the lanes.
    fn is_full(&mut self, lane: Lane) -> bool {
        let shared = match lane {
            Lane::Calls => self.working(Lane::Scrobble),
            Lane::Scrobble => self
                .working(Lane::Calls)
                .saturating_sub(Lane::Calls.most() - 1),
            Lane::Login | Lane::Spend => 0,
        };
        self.working(lane) + shared >= lane.most()
    }

    /// How much is at work or handed out; an idle thread is no work.
    fn running(&self) -> usize {
        let working = self.threads.iter().filter(|thread| thread.task.is_some());
        let handed_out: usize = self.ready.iter().map(|(_, tasks)| tasks.len()).sum();
        working.count() + handed_out
    }

    fn abandoned(&self) -> usize {
        self.threads
            .iter()
            .filter(|thread| thread.task.as_ref().is_some_and(Cancel::is_ended))
            .count()
    }
}

struct Shared {
    state: Mutex<State>,
    /// Idle threads of each lane wait here for a job.
    ready: [Condvar; 4],
    /// Tells who waits for the end that a thread has ended.
    ended: Condvar,
    /// Runs on each new thread before its first job, for what belongs to the thread as a whole.
    enter: Box<dyn Fn() + Send + Sync>,
}

/// The threads of one client.
pub struct Workers(Arc<Shared>);

impl Workers {
    /// No thread yet; `enter` runs first on each.
    pub fn new(enter: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            ready: Default::default(),
            ended: Condvar::new(),
            enter: Box::new(enter),
        }))
    }

    /// Runs a job on a thread of its lane. A job whose `cancel` was ended no longer counts: the next one gets a fresh thread.
    ///
    /// # Errors
    /// `busy` when the lane is full; `closed` after [`Workers::close`].
    pub fn spawn(
        &self,
        lane: Lane,
        cancel: &Cancel,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        self.spawn_for_reply(lane, cancel, |_| run())
    }

    /// The same for a job that somebody waits for: it calls what it is given before it hands its reply out, so that who has
    /// the reply finds the thread free.
    ///
    /// # Errors
    /// As [`Workers::spawn`].
    pub fn spawn_for_reply(
        &self,
        lane: Lane,
        cancel: &Cancel,
        run: impl FnOnce(&dyn Fn()) + Send + 'static,
    ) -> Result<()> {
        let mut state = lock(&self.0.state);
        if state.closed {
            return Err(Error::closed());
        }
        if state.is_full(lane) || state.abandoned() >= MOST_ABANDONED {
            return Err(Error::new(
                Status::Busy,
                "too many requests are running; try again when one has ended",
            ));
        }
        let task = Task {
            cancel: cancel.clone(),
            run: Box::new(run),
        };
        if state.idle(lane) > state.queue(lane).len() {
            state.queue(lane).push_back(task);
            drop(state);
            self.0.ready[lane as usize].notify_one();
            return Ok(());
        }
        state.next_id += 1;
        let id = state.next_id;
        state.threads.push(Thread {
            id,
            lane,
            task: Some(cancel.clone()),
        });
        let shared = Arc::clone(&self.0);
        let started = crate::capi::signals::with_all_blocked(|| {
            std::thread::Builder::new()
                .name(lane.thread_name().into())
                .spawn(move || shared.work(id, lane, task))
        });
        if started.is_err() {
            state.threads.retain(|thread| thread.id != id);
            return Err(Error::new(Status::Busy, "the system gives no more threads"));
        }
        Ok(())
    }

    /// Runs a job that spends something on a thread that no cancel tears down; what it brings can be awaited.
    ///
    /// # Errors
    /// As [`Workers::spawn`].
    pub fn spend<T: Clone + Send + 'static>(
        &self,
        run: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<Arc<Awaited<Result<T>>>> {
        let awaited = Awaited::new();
        let brought = Arc::clone(&awaited);
        self.spawn_for_reply(Lane::Spend, &Cancel::new(), move |free| {
            let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
                Err(Error::internal(
                    "the library has a defect: a request panicked",
                ))
            });
            free();
            brought.set(result);
        })?;
        Ok(awaited)
    }

    /// No more jobs; idle threads end.
    pub fn close(&self) {
        lock(&self.0.state).closed = true;
        for lane in &self.0.ready {
            lane.notify_all();
        }
    }

    /// Waits until no thread is left, at most that long; returns how many jobs still run.
    pub fn wait(&self, time: Duration) -> u32 {
        let until = Instant::now() + time;
        let mut state = lock(&self.0.state);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.threads.is_empty() || left.is_zero() {
                return u32::try_from(state.running()).unwrap_or(u32::MAX);
            }
            state = self
                .0
                .ended
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Shared {
    fn work(&self, id: u64, lane: Lane, first: Task) {
        (self.enter)();
        let mut next = Some(first);
        while let Some(task) = next {
            // Each job answers for its own panics; this keeps the books right all the same.
            let free = || self.note(&mut lock(&self.state), id, None);
            let _ = catch_unwind(AssertUnwindSafe(|| (task.run)(&free)));
            drop(task.cancel);
            next = self.next(id, lane);
        }
    }

    /// The next job of the lane, or `None` when the thread shall end; then it is no longer in the books.
    fn next(&self, id: u64, lane: Lane) -> Option<Task> {
        let until = Instant::now() + LINGER;
        let mut state = lock(&self.state);
        self.note(&mut state, id, None);
        loop {
            if let Some(task) = state.queue(lane).pop_front() {
                self.note(&mut state, id, Some(task.cancel.clone()));
                return Some(task);
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                state.threads.retain(|thread| thread.id != id);
                drop(state);
                self.ended.notify_all();
                return None;
            }
            state = self.ready[lane as usize]
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn note(&self, state: &mut State, id: u64, task: Option<Cancel>) {
        if let Some(thread) = state.threads.iter_mut().find(|thread| thread.id == id) {
            thread.task = task;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn workers() -> Workers {
        Workers::new(|| {})
    }

    /// A job that runs until `release` is dropped, after it has said that it runs.
    fn hang(workers: &Workers, lane: Lane, cancel: &Cancel) -> Result<mpsc::Sender<()>> {
        let (release, released) = mpsc::channel::<()>();
        let (say, runs) = mpsc::channel();
        workers.spawn(lane, cancel, move || {
            say.send(()).unwrap();
            let _ = released.recv();
        })?;
        runs.recv().unwrap();
        Ok(release)
    }

    #[test]
    fn a_full_lane_is_busy_and_the_others_are_not() {
        let workers = workers();
        let held: Vec<_> = (0..4)
            .map(|_| hang(&workers, Lane::Calls, &Cancel::new()).unwrap())
            .collect();
        assert_eq!(
            hang(&workers, Lane::Calls, &Cancel::new())
                .unwrap_err()
                .status,
            Status::Busy
        );
        drop(hang(&workers, Lane::Login, &Cancel::new()).unwrap());
        drop(hang(&workers, Lane::Spend, &Cancel::new()).unwrap());
        drop(held);
        workers.close();
        assert_eq!(workers.wait(Duration::from_secs(30)), 0);
    }

    #[test]
    fn the_scrobbler_s_thread_takes_the_place_of_one_for_calls() {
        let workers = workers();
        let hold = |lane| hang(&workers, lane, &Cancel::new());
        let scrobbler = hold(Lane::Scrobble).unwrap();
        let calls: Vec<_> = (0..3).map(|_| hold(Lane::Calls).unwrap()).collect();
        assert_eq!(hold(Lane::Calls).unwrap_err().status, Status::Busy);
        drop(scrobbler);
        while lock(&workers.0.state).working(Lane::Scrobble) > 0 {
            std::thread::yield_now();
        }
        let fourth = hold(Lane::Calls).unwrap();
        assert_eq!(hold(Lane::Scrobble).unwrap_err().status, Status::Busy);
        drop((calls, fourth));
        workers.close();
        assert_eq!(workers.wait(Duration::from_secs(30)), 0);
    }

    #[test]
    fn a_cancelled_job_makes_room_at_once_though_its_thread_hangs() {
        let workers = workers();
        let cancels: Vec<_> = (0..4).map(|_| Cancel::new()).collect();
        let held: Vec<_> = cancels
            .iter()
            .map(|cancel| hang(&workers, Lane::Calls, cancel).unwrap())
            .collect();
        cancels[0].end(Status::Cancelled);
        let another = hang(&workers, Lane::Calls, &Cancel::new()).unwrap();
        workers.close();
        assert_eq!(workers.wait(Duration::ZERO), 5);
        drop((held, another));
        assert_eq!(workers.wait(Duration::from_secs(30)), 0);
    }

    #[test]
    fn who_has_a_reply_finds_the_thread_free_and_the_lane_no_wider() {
        let workers = workers();
        let (reply, replied) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        workers
            .spawn_for_reply(Lane::Calls, &Cancel::new(), move |free| {
                free();
                reply.send(()).unwrap();
                let _ = released.recv();
            })
            .unwrap();
        replied.recv().unwrap();
        let (keep, kept) = mpsc::channel::<()>();
        let kept = Arc::new(Mutex::new(kept));
        let spawn = || {
            let kept = Arc::clone(&kept);
            workers.spawn(Lane::Calls, &Cancel::new(), move || {
                let _ = lock(&kept).recv();
            })
        };
        for _ in 0..4 {
            spawn().unwrap();
        }
        assert_eq!(spawn().unwrap_err().status, Status::Busy);
        drop((release, keep));
        workers.close();
        assert_eq!(workers.wait(Duration::from_secs(30)), 0);
    }

    #[test]
    fn a_panic_doesn_t_lose_the_thread() {
        let workers = workers();
        let (say, heard) = mpsc::channel();
        std::panic::set_hook(Box::new(|_| {}));
        workers
            .spawn(Lane::Spend, &Cancel::new(), || panic!("on purpose"))
            .unwrap();
        workers
            .spawn(Lane::Spend, &Cancel::new(), move || say.send(()).unwrap())
            .unwrap();
        heard.recv().unwrap();
        workers.close();
        assert_eq!(workers.wait(Duration::from_secs(30)), 0);
    }

    #[test]
    fn an_idle_thread_is_no_work() {
        let workers = workers();
        let cancel = Cancel::new();
        drop(hang(&workers, Lane::Calls, &cancel).unwrap());
        while lock(&workers.0.state).idle(Lane::Calls) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(workers.wait(Duration::ZERO), 0);
        workers.close();
    }

    #[test]
    fn nothing_starts_after_close() {
        let workers = workers();
        workers.close();
        assert_eq!(
            workers
                .spawn(Lane::Calls, &Cancel::new(), || {})
                .unwrap_err()
                .status,
            Status::Closed
        );
    }
}
