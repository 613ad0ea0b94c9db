import { setTimeout as delay } from 'node:timers/promises';

import type { Clock } from '../../lib/clock.ts';
import type { Job } from './work.ts';

/** Something that happens to servers, images or volumes at a time of the clock. */
export interface Step {
  atMs: number;
  /** Real work that must be over first, however late that is. */
  after?: Job<unknown>;
  run(): void;
}

/** How long a request may wait, in real time, for work that by the clock should be over. */
const patienceMs = 1000;

/**
 * What will happen, looked at whenever a request comes: nothing runs in the background but real work. So the cloud keeps pace with any
 * clock, a virtual one included, and a client that polls sees every state in its order.
 */
export class Schedule {
  readonly #clock: Clock;
  readonly #courses = new Set<Course>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts a course of steps, ascending in time, that concern the resources with these ids. */
  start(ids: readonly string[], steps: readonly Step[]): Course {
    const course = new Course(ids, steps);
    this.#courses.add(course);
    return course;
  }

  /** Runs what is due and needs no more work. */
  runDue(): void {
    for (const course of this.#courses) this.#advance(course);
  }

  /** Runs what is due. Waits a little for real work only if the request's target names a resource of that course. */
  async settle(target: string): Promise<void> {
    await Promise.all([...this.#courses].map((course) => this.#settle(course, target)));
  }

  async #settle(course: Course, target: string): Promise<void> {
    for (;;) {
      const job = this.#advance(course);
      if (job === undefined || !course.ids.some((id) => target.includes(id))) return;
      await patiently(job);
      if (job.outcome === undefined) return;
    }
  }

  /** Runs the course's steps as far as they are due; returns the work that holds up the next one. */
  #advance(course: Course): Job<unknown> | undefined {
    for (let step = course.next; step !== undefined; step = course.next) {
      if (step.atMs > this.#clock.now()) return undefined;
      if (step.after !== undefined && step.after.outcome === undefined) return step.after;
      course.take();
    }
    this.#courses.delete(course);
    return undefined;
  }
}

/** What happens to some resources, one step after the other. */
export class Course {
  readonly ids: readonly string[];
  readonly #steps: Step[];

  constructor(ids: readonly string[], steps: readonly Step[]) {
    this.ids = ids;
    this.#steps = [...steps];
  }

  get next(): Step | undefined {
    return this.#steps[0];
  }

  /** Runs the next step. */
  take(): void {
    this.#steps.shift()?.run();
  }

  /** The rest does not happen. */
  cancel(): void {
    this.#steps.length = 0;
  }
}

async function patiently({ over }: Job<unknown>): Promise<void> {
  const done = new AbortController();
  const waited = delay(patienceMs, undefined, { signal: done.signal, ref: false });
  await Promise.race([over, waited.catch(() => undefined)]);
  done.abort();
}
