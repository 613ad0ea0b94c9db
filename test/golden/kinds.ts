export const KINDS = ['key-file', 'passphrase', 'unsealed'] as const;
