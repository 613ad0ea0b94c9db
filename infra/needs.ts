/** What a function does in a place. Each entry is a key of it, or a folder as `packs/*`. */
export interface PlaceNeeds {
  get?: readonly string[];
  put?: readonly string[];
  delete?: readonly string[];
  /** Locks what is put, or extends a lock; allowed only where the bank's bucket has Object Lock. */
  retain?: readonly string[];
  /** Completes or aborts uploads in parts. */
  parts?: readonly string[];
  /** Lists keys. Whoever gets may list too: without s3:ListBucket S3 answers 403, not 404, for a key that is not there. */
  list?: true;
  /** Lists unfinished uploads. */
  uploads?: true;
}

/** What a function may reach; the whole of it. Nothing else of AWS is called by any of them. */
export interface Needs {
  /** Reads the secret with the credentials of the cloud. */
  cloud?: true;
  /** Opens the bank: reads the secret with its key, and its bank.json and key ring (the register has copies). */
  key?: true;
  bank?: PlaceNeeds;
  register?: PlaceNeeds;
  work?: PlaceNeeds;
}

const readsRecords = { get: ['records/*'] } as const;
/** Renews its lease, or goes on to another state. */
const changesRecords = { get: ['records/*'], put: ['records/*'] } as const;
const keepsPin = { get: ['pins/*'], put: ['pins/*'] } as const;
const readsCheckpoint = { get: ['roots/*', 'segments/*', 'packs/*'] } as const;

/** What opening the bank reads, in the bank and in the register. */
export const OPENING = {
  bank: { get: ['bank.json', 'keys/*'] },
  register: { get: ['bank.json', 'keys/*', 'home.json'] },
} as const satisfies Needs;

/** By Task state. test/infra/needs.test.ts compares it with the calls that the functions make while the machines run. */
export const NEEDS: Readonly<Record<string, Needs>> = {
  // The backup machine
  ListProtectables: { cloud: true, work: { put: ['items/*'] } },
  Sweep: {
    cloud: true,
    key: true,
    register: {
      get: ['records/*', 'stopped/*'],
      put: ['records/*'],
      delete: ['pins/*', 'stopped/*'],
      list: true,
    },
    work: {
      list: true,
      uploads: true,
      parts: ['restores/*'],
      get: ['rollbacks/*'],
      delete: [
        'items/*',
        'outcomes/*',
        'results/*',
        'receipts/*',
        'uploads/*',
        'descriptions/*',
        'collections/*',
        'verifications/*',
        'restores/*',
        'rollbacks/*',
      ],
    },
  },
  OpenCheckpoint: {
    cloud: true,
    key: true,
    bank: { get: ['roots/*'] },
    register: {
      get: ['records/*', 'bases/*', 'surveys/*'],
      put: ['records/*', 'bases/*', 'surveys/*'],
    },
    work: { put: ['descriptions/*'] },
  },
  StopServer: {
    cloud: true,
    key: true,
    register: { get: ['records/*'], put: ['records/*', 'stopped/*'] },
  },
  StartServer: {
    cloud: true,
    key: true,
    register: { get: ['stopped/*'], delete: ['stopped/*'] },
  },
  SnapshotVolume: { cloud: true, key: true, register: changesRecords },
  CopyVolume: { cloud: true, key: true, register: changesRecords },
  DeleteVolumeCopy: { cloud: true, key: true },
  CreateServerSnapshot: { cloud: true, key: true, register: changesRecords },
  PollImage: { cloud: true, key: true, register: changesRecords },
  PlanUpload: { cloud: true, key: true, register: changesRecords, work: { put: ['uploads/*'] } },
  UploadRange: {
    cloud: true,
    key: true,
    bank: {
      get: ['roots/*', 'segments/*'],
      put: ['segments/*', 'packs/*'],
      retain: ['segments/*', 'packs/*'],
    },
    register: changesRecords,
    work: { get: ['uploads/*', 'receipts/*'], put: ['receipts/*'] },
  },
  UploadStream: {
    cloud: true,
    key: true,
    bank: {
      get: ['roots/*', 'segments/*'],
      put: ['segments/*', 'packs/*'],
      retain: ['segments/*', 'packs/*'],
    },
    register: changesRecords,
    work: {
      get: ['uploads/*', 'receipts/*'],
      put: ['uploads/*', 'receipts/*'],
    },
  },
  ExtendRetention: {
    key: true,
    bank: { get: ['roots/*'], retain: ['bank.json', 'keys/*', 'segments/*', 'packs/*'] },
    register: changesRecords,
    work: { get: ['descriptions/*', 'receipts/*', 'uploads/*'], put: ['uploads/*'] },
  },
  UploadStreamInContainer: {
    cloud: true,
    key: true,
    bank: {
      get: ['roots/*', 'segments/*'],
      put: ['segments/*', 'packs/*'],
      retain: ['segments/*', 'packs/*'],
    },
    register: changesRecords,
    work: {
      get: ['uploads/*', 'receipts/*'],
      put: ['uploads/*', 'receipts/*', 'results/*'],
    },
  },
  CommitCheckpoint: {
    key: true,
    bank: { get: ['roots/*'], put: ['roots/*'], retain: ['roots/*'] },
    register: { get: ['records/*'], put: ['records/*', 'bases/*'] },
    work: { get: ['descriptions/*', 'receipts/*', 'uploads/*'] },
  },
  AbandonCheckpoint: { key: true, register: changesRecords, work: { get: ['results/*'] } },
  DeleteServerSnapshot: {
    cloud: true,
    key: true,
    work: { list: true, delete: ['descriptions/*', 'receipts/*', 'results/*', 'uploads/*'] },
  },
  SummariseBackup: {
    key: true,
    register: readsRecords,
    work: { get: ['items/*', 'results/*'], put: ['outcomes/*'] },
  },

  // The restore machine
  PlanRestore: {
    cloud: true,
    key: true,
    bank: { get: ['roots/*'] },
    register: { get: ['records/*', 'pins/*'], put: ['pins/*'] },
  },
  CreateImage: { cloud: true, key: true, bank: { get: ['roots/*'] } },
  OpenAssembly: { work: { put: ['restores/*'], uploads: true } },
  AssembleRange: {
    key: true,
    bank: readsCheckpoint,
    register: keepsPin,
    work: { put: ['restores/*'] },
  },
  ImportImage: {
    cloud: true,
    // The URL that Glance is given can do what this function can.
    work: { get: ['restores/*'], put: ['restores/*'], parts: ['restores/*'] },
  },
  PollImport: { cloud: true, key: true, register: keepsPin },
  UploadImage: { cloud: true, key: true, bank: readsCheckpoint, register: keepsPin },
  UploadImageInContainer: {
    cloud: true,
    key: true,
    bank: readsCheckpoint,
    register: keepsPin,
    work: { put: ['results/*'] },
  },
  RestoreVolume: { cloud: true, key: true, bank: { get: ['roots/*'] }, register: keepsPin },
  PlanCheck: { cloud: true, key: true },
  CheckRange: {
    cloud: true,
    key: true,
    bank: { get: ['roots/*', 'segments/*'] },
    register: keepsPin,
  },
  CreateServer: { cloud: true, key: true, bank: { get: ['roots/*'] } },
  PollServer: { cloud: true },
  CloseRestore: {
    key: true,
    register: { list: true, delete: ['pins/*'] },
    work: { list: true, uploads: true, parts: ['restores/*'], delete: ['restores/*', 'results/*'] },
  },
  CloseProof: {
    cloud: true,
    key: true,
    register: { ...changesRecords, list: true, delete: ['pins/*'] },
    work: { list: true, uploads: true, parts: ['restores/*'], delete: ['restores/*', 'results/*'] },
  },
  RollBackRestore: {
    cloud: true,
    key: true,
    register: { list: true, delete: ['pins/*'] },
    work: {
      get: ['results/*'],
      put: ['rollbacks/*'],
      uploads: true,
      parts: ['restores/*'],
      delete: ['restores/*', 'results/*', 'rollbacks/*'],
    },
  },

  // The machine that collects garbage
  PlanCollection: {
    key: true,
    bank: { get: ['roots/*'] },
    register: { get: ['records/*', 'pins/*'], put: ['records/*', 'pins/*'] },
    work: {
      get: ['collections/*'],
      put: ['collections/*'],
      delete: ['collections/*'],
    },
  },
  DeletePage: {
    key: true,
    bank: { delete: ['roots/*', 'segments/*', 'packs/*'] },
    work: { get: ['collections/*'], put: ['collections/*'] },
  },
  CompactGroup: {
    key: true,
    bank: {
      get: ['roots/*', 'segments/*', 'packs/*'],
      put: ['roots/*', 'segments/*', 'packs/*'],
    },
    register: { get: ['records/*'], put: ['records/*'], list: true },
    work: { get: ['collections/*'], put: ['collections/*'] },
  },
  CloseCollection: {
    key: true,
    register: {
      get: ['records/*'],
      put: ['records/*', 'pins/*'],
      delete: ['records/*', 'pins/*'],
    },
    work: {
      get: ['collections/*', 'outcomes/*', 'results/*'],
      put: ['outcomes/*'],
      delete: ['collections/*'],
    },
  },

  // The machine that verifies
  PlanVerify: {
    key: true,
    bank: { get: ['roots/*'] },
    register: {
      get: ['records/*', 'pins/*', 'samples/*'],
      put: ['pins/*'],
      delete: ['damaged/*'],
    },
    work: { put: ['verifications/*'] },
  },
  VerifyRange: {
    key: true,
    bank: readsCheckpoint,
    register: keepsPin,
    work: { get: ['verifications/*'], put: ['verifications/*'] },
  },
  RecordVerification: {
    key: true,
    register: {
      // Damage is believed where the pin still holds.
      get: ['records/*', 'samples/*', 'pins/*'],
      put: ['records/*', 'samples/*', 'damaged/*', 'pins/*'],
      delete: ['damaged/*'],
    },
    work: { get: ['verifications/*', 'results/*'], put: ['outcomes/*'] },
  },
  CloseVerification: {
    key: true,
    register: { list: true, delete: ['pins/*'] },
    work: { get: ['verifications/*'], delete: ['verifications/*'] },
  },

  // The machine that prunes
  // Roots: of checkpoints that something marked as damaged may belong to.
  PlanPrune: {
    key: true,
    bank: { get: ['roots/*'] },
    register: readsRecords,
    work: { put: ['outcomes/*'] },
  },
  PruneCheckpoints: {
    key: true,
    bank: { get: ['roots/*'] },
    register: changesRecords,
    work: { get: ['outcomes/*'] },
  },

  // By the clock
  StartMaintenance: {},
  ReportAges: { cloud: true, key: true, register: readsRecords },
};
