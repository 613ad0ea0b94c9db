import type { Project, Server } from '../state.ts';

/** What libvirt's driver chose for the server when it was launched. */
const hardware: Record<string, string> = {
  hw_machine_type: 'pc',
  hw_cdrom_bus: 'ide',
  hw_disk_bus: 'virtio',
  hw_input_bus: 'usb',
  hw_pointer_model: 'usbtablet',
  hw_video_model: 'virtio',
  hw_vif_model: 'virtio',
};

/** The properties of a snapshot image: the boot image's, then what Nova knows of the server. */
export function inheritedProperties(server: Server, project: Project): Record<string, string> {
  const own = Object.entries(server.imageProperties).filter(
    ([name]) => !name.startsWith('os_glance_') && !name.startsWith('img_signature'),
  );
  return {
    ...hardware,
    ...Object.fromEntries(own),
    base_image_ref: server.imageId,
    owner_user_name: server.userName,
    owner_project_name: project.name,
    boot_roles: 'reader,member',
  };
}

/** What a snapshot of a server that boots from an image has from the beginning. */
export const snapshotProperties = (server: Server): Record<string, string> => ({
  instance_uuid: server.id,
  user_id: server.userId,
  image_type: 'snapshot',
});

/** What is added when the hypervisor begins to upload. */
export const uploadProperties = (server: Server): Record<string, string> => ({
  owner_id: server.projectId,
  image_state: 'available',
  image_location: 'snapshot',
});
