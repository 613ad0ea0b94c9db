import { randomBytes } from 'node:crypto';
import type { HistoryEvent } from '../../local/engine/history.ts';
import { type Memory, memoryNow } from './memory.ts';
import { withScaleWorld } from './scale-world.ts';

export interface ManyServers {
  servers: number;
  hosts: number;
  serversAtOnce: number;
  snapshotsPerHost: number;
}

export interface ManyServersFigures {
  succeeded: number;
  seconds: number;
  /** Child executions that ran at the same time. */
  mostAtOnce: number;
  mostSnapshotsOfOneHost: number;
  longestHistory: number;
  /** After each quarter of the servers. */
  memory: Memory[];
  leftovers: string[];
}

/** One run that backs up many servers with some data each. */
export async function backUpManyServers(scale: ManyServers): Promise<ManyServersFigures> {
  const { servers, hosts, serversAtOnce, snapshotsPerHost } = scale;
  const options = {
    cloud: { hosts, snapshotsPerHost },
    settings: { serversAtOnce, snapshotsPerHost },
  };
  return await withScaleWorld(options, async (world) => {
    for (let index = 0; index < servers; index += 1) {
      await world.addServer(`server-${String(index)}`, randomBytes(64 * 1024));
    }
    const children = new Children(Math.ceil(servers / 4));
    const startedAt = performance.now();
    const outcome = await world.run('backup', {}, { onEvent: (event) => children.follow(event) });
    return {
      succeeded: (outcome.output as { succeeded?: number } | undefined)?.succeeded ?? 0,
      seconds: (performance.now() - startedAt) / 1000,
      mostAtOnce: children.mostAtOnce,
      mostSnapshotsOfOneHost: world.cloud.mostSnapshotsOfOneHost(),
      longestHistory: children.longestHistory,
      memory: children.memory,
      leftovers: await world.leftovers(),
    };
  });
}

/** Counts the executions of servers. */
class Children {
  mostAtOnce = 0;
  longestHistory = 0;
  readonly memory: Memory[] = [];
  readonly #lookEvery: number;
  #running = 0;
  #ended = 0;

  constructor(lookEvery: number) {
    this.#lookEvery = lookEvery;
  }

  follow(event: HistoryEvent): void {
    this.longestHistory = Math.max(this.longestHistory, event.id);
    if (event.path?.length !== 1) return;
    if (event.type === 'ExecutionStarted') {
      this.#running += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#running);
    } else if (event.type === 'ExecutionSucceeded' || event.type === 'ExecutionFailed') {
      this.#running -= 1;
      this.#ended += 1;
      if (this.#ended % this.#lookEvery === 0) this.memory.push(memoryNow());
    }
  }
}
