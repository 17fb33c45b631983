"""What every service process needs: settings, logs, health, metrics, tracing."""
