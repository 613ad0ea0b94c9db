/** Which requests a fault is for; what is left out matches everything. */
export interface RequestMatcher {
  service?: 'identity' | 'compute' | 'image' | 'network' | 'volumev3';
  method?: string;
  /** Tested on the path and, if there is one, `?` and the query. */
  path?: RegExp;
}

export type RequestFault =
  /** Answered with this status in the service's own error shape; nothing is done. */
  | { kind: 'status'; status: number; message?: string; retryAfterSeconds?: number }
  /** Done, but the answer is lost: the connection is reset, or `status` is answered instead. */
  | { kind: 'lost-answer'; status?: number }
  /** The connection is reset before anything is done. */
  | { kind: 'reset' }
  /** Accepted and never answered; nothing is done. */
  | { kind: 'hang' }
  /** Done after this time of the clock. */
  | { kind: 'delay'; ms: number }
  /** The connection ends after this many bytes of the body. */
  | { kind: 'cut'; afterBytes: number }
  /** After this many bytes of the body nothing more comes, and the connection stays open. */
  | { kind: 'stall'; afterBytes: number }
  /** The body comes at this rate of the clock's seconds. */
  | { kind: 'slow'; bytesPerSecond: number }
  /** Content-Length says this many bytes more than there are; negative: body and length are that many bytes too short. */
  | { kind: 'content-length'; differBy: number }
  /** All bits of one byte of the body are turned. */
  | { kind: 'flip'; atByte: number };

/**
 * What becomes of a snapshot after createImage: `compute-restarts` leaves the image `queued` for ever and the server idle, `vanishes`
 * deletes the image and marks the server action `Error` (any failure in Nova), `killed` sets that image status, `never-ends` stays in
 * `image_uploading`. With `race` a user's snapshot of the server begins between the check of this one and its claim: createImage is
 * answered with 500, and its image stays `queued` for ever; with `race-and-more` that user snapshots the server over and over.
 */
export type SnapshotFault =
  | 'compute-restarts'
  | 'vanishes'
  | 'killed'
  | 'never-ends'
  | 'race'
  | 'race-and-more';

/** What becomes of an import after its 202. */
export type ImportFault = 'fails' | 'never-ends';

/** What becomes of a volume's snapshot, of the volume made of one, and of the image made of that, after its 202. */
export type VolumeFault = 'fails';

interface Planned {
  matcher: RequestMatcher;
  fault: RequestFault;
  skip: number;
  left: number;
}

interface Seeded {
  matcher: RequestMatcher;
  faults: readonly RequestFault[];
  rate: number;
  left: number;
  next: () => number;
}

/** What goes wrong in the demo cloud, on demand or by a seed. A request meets one fault at most: the first that matches. */
export class Faults {
  readonly #planned: Planned[] = [];
  readonly #seeded: Seeded[] = [];
  readonly #snapshots: { fault: SnapshotFault; serverId: string | undefined }[] = [];
  readonly #imports: ImportFault[] = [];
  readonly #volumeSnapshots: VolumeFault[] = [];
  readonly #volumes: VolumeFault[] = [];
  readonly #volumeUploads: VolumeFault[] = [];
  #injected = 0;

  /** How many faults requests have met so far. */
  get injected(): number {
    return this.#injected;
  }

  /**
   * Meets the next `times` (default 1) matching requests after letting `skip` (default 0) of them pass. Requests that a fault added
   * before meets do not count, so faults for the same requests come one after the other.
   */
  add(
    matcher: RequestMatcher,
    fault: RequestFault,
    { times = 1, skip = 0 }: { times?: number; skip?: number } = {},
  ): void {
    this.#planned.push({ matcher, fault, skip, left: times });
  }

  /** Meets a share `rate` of the matching requests, at most `most` of them, with faults drawn from the list; equal seeds draw alike. */
  addSeeded(
    seed: number,
    options: {
      matcher?: RequestMatcher;
      faults: readonly RequestFault[];
      rate: number;
      most?: number;
    },
  ): void {
    const { matcher = {}, faults, rate, most = Number.POSITIVE_INFINITY } = options;
    this.#seeded.push({ matcher, faults, rate, left: most, next: randomNumbers(seed) });
  }

  /** The next snapshot (of that server) ends like this. */
  nextSnapshot(fault: SnapshotFault, serverId?: string): void {
    this.#snapshots.push({ fault, serverId });
  }

  nextImport(fault: ImportFault): void {
    this.#imports.push(fault);
  }

  nextVolumeSnapshot(fault: VolumeFault): void {
    this.#volumeSnapshots.push(fault);
  }

  nextVolume(fault: VolumeFault): void {
    this.#volumes.push(fault);
  }

  nextVolumeUpload(fault: VolumeFault): void {
    this.#volumeUploads.push(fault);
  }

  clear(): void {
    this.#volumeSnapshots.length = 0;
    this.#volumes.length = 0;
    this.#volumeUploads.length = 0;
    this.#planned.length = 0;
    this.#seeded.length = 0;
    this.#snapshots.length = 0;
    this.#imports.length = 0;
  }

  /** The fault that this request meets. Asked once per request. */
  ofRequest(service: string, method: string, target: string): RequestFault | undefined {
    const fault = this.#due(service, method, target) ?? this.#drawn(service, method, target);
    if (fault !== undefined) this.#injected += 1;
    return fault;
  }

  ofSnapshot(serverId: string): SnapshotFault | undefined {
    const index = this.#snapshots.findIndex((one) => (one.serverId ?? serverId) === serverId);
    return index === -1 ? undefined : this.#snapshots.splice(index, 1)[0]?.fault;
  }

  ofImport(): ImportFault | undefined {
    return this.#imports.shift();
  }

  ofVolumeSnapshot(): VolumeFault | undefined {
    return this.#volumeSnapshots.shift();
  }

  ofVolume(): VolumeFault | undefined {
    return this.#volumes.shift();
  }

  ofVolumeUpload(): VolumeFault | undefined {
    return this.#volumeUploads.shift();
  }

  #due(service: string, method: string, target: string): RequestFault | undefined {
    for (const one of this.#planned) {
      if (one.left === 0 || !matches(one.matcher, service, method, target)) continue;
      if (one.skip > 0) {
        one.skip -= 1;
        continue;
      }
      one.left -= 1;
      return one.fault;
    }
    return undefined;
  }

  #drawn(service: string, method: string, target: string): RequestFault | undefined {
    for (const one of this.#seeded) {
      if (one.left === 0 || !matches(one.matcher, service, method, target)) continue;
      if (one.next() >= one.rate) continue;
      one.left -= 1;
      return one.faults[Math.floor(one.next() * one.faults.length)];
    }
    return undefined;
  }
}

function matches(matcher: RequestMatcher, service: string, method: string, target: string) {
  return (
    (matcher.service ?? service) === service &&
    (matcher.method ?? method) === method &&
    (matcher.path?.test(target) ?? true)
  );
}

/** Mulberry32: numbers in [0, 1), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
