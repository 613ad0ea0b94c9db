import * as z from 'zod';
import { KeyTable } from './key-table.ts';
import { ListedObjects } from './listed-objects.ts';
import { ServerGroups } from './server-groups.ts';

/** What a collection does, one after the other. */
const PHASES = ['list', 'passA', 'passB', 'marked'] as const;

const CheckpointRows = z.array(
  z.tuple([z.string(), z.number(), z.number(), z.number(), z.number(), z.boolean(), z.boolean()]),
);
const Header = z.strictObject({
  version: z.literal(0),
  phase: z.enum(PHASES),
  after: z.string().nullable(),
  dead: z.array(z.string()),
  fencedCheckpoints: z.array(z.string()),
  fencedPins: z.array(z.string()),
  held: z.array(z.string()).default([]),
  openGraves: z.array(z.string()),
  groups: z.array(z.tuple([z.string(), z.string()])),
  checkpoints: CheckpointRows,
  keys: z.int(),
  oldGraves: z.int(),
  seenRoots: z.int(),
});

/**
 * How far a collection has come, and all that it knows. It can be written down and gone on with by another process: that is still the
 * same collector, which was slow. Nothing in it becomes wrong with time.
 */
export class CollectionState {
  phase: (typeof PHASES)[number] = 'list';
  /** The last one, in the order of the list, that the phase has dealt with; null: none yet. */
  after: string | null = null;
  readonly objects: ListedObjects;
  /** Checkpoints that were ABORTED or COLLECTING in pass A. */
  readonly dead: Set<string>;
  readonly fencedCheckpoints: Set<string>;
  /** Pins that are fenced, by this collection or an earlier one that did not bury them. */
  readonly fencedPins: Set<string>;
  /** Of the dead checkpoints, those that a reader holds: their data stays. */
  readonly held: Set<string>;
  /** Checkpoints of whose records an interrupted burial left something. */
  readonly openGraves: Set<string>;
  readonly groups: ServerGroups;
  /** Checkpoints that were buried when pass A came to them. */
  readonly oldGraves: KeyTable;
  /** Roots that a compaction made, and that pass A saw. */
  readonly seenRoots: KeyTable;

  constructor(parts: Partial<Omit<CollectionState, 'enter' | 'encode' | 'graves'>> = {}) {
    this.phase = parts.phase ?? 'list';
    this.after = parts.after ?? null;
    this.objects = parts.objects ?? new ListedObjects();
    this.dead = parts.dead ?? new Set();
    this.fencedCheckpoints = parts.fencedCheckpoints ?? new Set();
    this.fencedPins = parts.fencedPins ?? new Set();
    this.held = parts.held ?? new Set();
    this.openGraves = parts.openGraves ?? new Set();
    this.groups = parts.groups ?? new ServerGroups();
    this.oldGraves = parts.oldGraves ?? new KeyTable();
    this.seenRoots = parts.seenRoots ?? new KeyTable();
  }

  enter(phase: CollectionState['phase']): void {
    this.phase = phase;
    this.after = null;
  }

  /** What is to be buried when the dead objects are gone. */
  graves(): { checkpoints: string[]; pins: string[] } {
    return { checkpoints: [...this.dead, ...this.openGraves], pins: [...this.fencedPins] };
  }

  /** A line of JSON, and the tables. */
  *encode(): Generator<Buffer, void, undefined> {
    const header: z.infer<typeof Header> = {
      version: 0,
      phase: this.phase,
      after: this.after,
      dead: [...this.dead],
      fencedCheckpoints: [...this.fencedCheckpoints],
      fencedPins: [...this.fencedPins],
      held: [...this.held],
      openGraves: [...this.openGraves],
      groups: this.groups.links(),
      checkpoints: this.objects.rows(),
      keys: this.objects.keys.size,
      oldGraves: this.oldGraves.size,
      seenRoots: this.seenRoots.size,
    };
    yield Buffer.from(`${JSON.stringify(header)}\n`);
    for (const table of [this.objects.keys, this.oldGraves, this.seenRoots]) yield* table.encode();
  }

  static decode(bytes: Buffer): CollectionState {
    const end = bytes.indexOf('\n');
    const header = Header.parse(JSON.parse(bytes.toString('utf8', 0, end)));
    let at = end + 1;
    const table = (size: number): KeyTable => {
      const length = size * KeyTable.ENTRY_BYTES;
      at += length;
      return KeyTable.decode(bytes.subarray(at - length, at), size);
    };
    const objects = new ListedObjects(table(header.keys), header.checkpoints);
    return new CollectionState({
      phase: header.phase,
      after: header.after,
      objects,
      dead: new Set(header.dead),
      fencedCheckpoints: new Set(header.fencedCheckpoints),
      fencedPins: new Set(header.fencedPins),
      held: new Set(header.held),
      openGraves: new Set(header.openGraves),
      groups: new ServerGroups(header.groups),
      oldGraves: table(header.oldGraves),
      seenRoots: table(header.seenRoots),
    });
  }
}
