/** Calls what is not ours. What it throws is reported as an unhandled rejection, and does no harm to whoever called it. */
export function safely(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    void Promise.reject(error);
  }
}
