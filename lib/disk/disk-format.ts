import type { DiskFormat } from './disk.ts';

/**
 * How an image is read, given the disk_format that its owner declared in Glance. The content never decides: a file declared raw that
 * starts with a qcow2 header stays raw, because a guest writes what it likes into its raw disk, and a header it wrote there (with
 * another tenant's or the host's file as backing file) must not become the truth about the image.
 */
export function diskFormatOf(declaredFormat: string | null): DiskFormat {
  return declaredFormat === 'raw' || declaredFormat === 'qcow2' ? declaredFormat : 'opaque';
}
