import { readFile, writeFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import axios from 'axios';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from './virtual-clock.ts';

describe('VirtualClock', () => {
  it('lets hours pass at once and wakes sleepers in the order of their due times', async () => {
    const clock = new VirtualClock();
    const woken: string[] = [];
    const sleeper = async (name: string, seconds: number) => {
      await clock.sleep(seconds * 1000);
      woken.push(`${name}@${clock.elapsedMilliseconds / 1000}`);
    };

    await Promise.all([sleeper('c', 7200), sleeper('a', 1), sleeper('b', 1), sleeper('d', 7201)]);

    expect(woken).toEqual(['a@1', 'b@1', 'c@7200', 'd@7201']);
  });

  it('rejects a sleep with the reason of the signal, without time having passed', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const stopped = new Error('stopped');

    const sleep = clock.sleep(1000, controller.signal);
    controller.abort(stopped);

    await expect(sleep).rejects.toBe(stopped);
    await expect(clock.sleep(1, controller.signal)).rejects.toBe(stopped);
    expect(clock.elapsedMilliseconds).toBe(0);
    expect(clock.sleeperCount).toBe(0);
  });

  it('does not move while files are read and written', async () => {
    const clock = new VirtualClock();
    const directory = await mkdtemp(join(tmpdir(), 'virtual-clock-'));
    const file = join(directory, 'file');
    const work = async () => {
      for (let round = 0; round < 20; round += 1) {
        await writeFile(file, String(round));
        await readFile(file);
      }
      return clock.elapsedMilliseconds;
    };

    const [elapsedMilliseconds] = await Promise.all([work(), clock.sleep(1)]);
    await rm(directory, { recursive: true });

    expect(elapsedMilliseconds).toBe(0);
  });

  it('does not move while a server in this process answers', async () => {
    const clock = new VirtualClock();
    const server = createServer((_request, response) => response.end('x'.repeat(100_000)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const work = async () => {
      for (let round = 0; round < 10; round += 1) {
        await axios.get(`http://127.0.0.1:${port}/`);
      }
      return clock.elapsedMilliseconds;
    };

    const [elapsedMilliseconds] = await Promise.all([work(), clock.sleep(1)]);
    server.close();

    expect(elapsedMilliseconds).toBe(0);
  });

  it('stands still for work that it is asked to hold for', async () => {
    const clock = new VirtualClock();
    const work = async () => {
      await promisify(deflate)(Buffer.alloc(20_000_000));
      return clock.elapsedMilliseconds;
    };

    const [elapsedMilliseconds] = await Promise.all([clock.hold(work()), clock.sleep(1)]);

    expect(elapsedMilliseconds).toBe(0);
  });

  it('moves only when told to if it is not automatic', async () => {
    const clock = new VirtualClock({ automatic: false, startMilliseconds: 0 });
    const woken: number[] = [];
    const ticker = (async () => {
      for (let tick = 0; tick < 3; tick += 1) {
        await clock.sleep(10);
        woken.push(clock.now());
      }
    })();

    await clock.advance(5);
    expect([clock.now(), woken]).toEqual([5, []]);
    await clock.advance(20);
    expect([clock.now(), woken]).toEqual([25, [10, 20]]);
    await clock.advance(5);
    await ticker;
    expect(woken).toEqual([10, 20, 30]);
  });
});
