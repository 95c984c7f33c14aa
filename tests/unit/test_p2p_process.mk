$(BUILD)/tests/test_p2p_process: | $(BUILD)/libexec/warren/p2p
