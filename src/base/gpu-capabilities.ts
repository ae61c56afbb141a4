/** What the driver of a GPU can be asked to be able to do. Data only. */

/**
 * The capabilities NVIDIA's driver knows, as engines pass them on:
 * https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html#driver-capabilities
 */
export const GPU_CAPABILITIES = ['compute', 'compat32', 'graphics', 'utility', 'video', 'display'] as const;
